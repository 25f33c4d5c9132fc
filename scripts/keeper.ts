/* `npm run keeper -- …` is `memo-keeper …` in this repository, on a Node that is new enough. */
await import("../keeper/main.ts");

export {};
