/* `npm run provider -- …` is `memo-provider …` in this repository, on a Node that is new enough. */
await import("../provider/main.ts");

export {};
