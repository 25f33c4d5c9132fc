#!/usr/bin/env node
import { existsSync } from "node:fs";

const source = new URL("../keeper/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../dist/keeper/main.js", import.meta.url).href);
