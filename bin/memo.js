#!/usr/bin/env node
import { existsSync } from "node:fs";

const source = new URL("../client/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../dist/client/main.js", import.meta.url).href);
