import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { HardhatPlugin } from "hardhat/types/plugins";

/** Where a coverage run leaves its lists of conditions, below Hardhat's own folder of coverage data. */
export const CONDITIONS_FOLDER = "coverage/conditions";

/** Hardhat counts statements; this makes every condition of the contracts report its outcomes too. */
export const branchCoverage: HardhatPlugin = {
  id: "memo-branch-coverage",
  hookHandlers: {
    solidity: async () => ({
      default: async () => {
        const { instrumentBranches, LIBRARY_CONTENT, LIBRARY_SOURCE } = await import("./instrument.ts");
        return {
          preprocessProjectFileBeforeBuilding: async (
            context,
            sourceName,
            fsPath,
            content,
            version,
            next,
          ) => {
            // Statements first: places of theirs are those in the file as it is on the disk.
            const source = await next(context, sourceName, fsPath, content, version);
            const file = relative(context.config.paths.root, fsPath);
            if (!file.startsWith("contracts/") || file.startsWith("contracts/mocks/")) return source;
            const { source: instrumented, conditions } = instrumentBranches(file, source);
            const folder = join(context.config.paths.root, CONDITIONS_FOLDER);
            await mkdir(folder, { recursive: true });
            await writeFile(join(folder, `${file.replaceAll("/", ".")}.json`), JSON.stringify(conditions));
            return instrumented;
          },
          preprocessSolcInputBeforeBuilding: async (context, input, next) => {
            input.sources[LIBRARY_SOURCE] = { content: LIBRARY_CONTENT };
            return await next(context, input);
          },
        };
      },
    }),
  },
};
