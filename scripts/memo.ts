/* `npm run memo -- …` is `memo …` in this repository, on a Node that is new enough. */
await import("../client/main.ts");

export {};
