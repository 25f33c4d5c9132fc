import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A submission of sources, as an explorer got it. */
export type Submission = {
  readonly explorer: "etherscan" | "blockscout" | "sourcify";
  readonly address: string;
  /** `path:Contract`. */
  readonly contract: string;
  /** Standard JSON of the compiler. */
  readonly input: { readonly sources: Readonly<Record<string, unknown>>; readonly settings: object };
  readonly compiler: string;
  /** Hex without 0x; Sourcify finds them by itself. */
  readonly constructorArguments: string | undefined;
};

type Answer = { readonly status: number; readonly body: unknown };
const ok = (body: unknown): Answer => ({ status: 200, body });

/**
 * Stands in for the HTTP APIs of Etherscan (v2), Blockscout and Sourcify (v2), as far as verification uses them: is it
 * verified, take these sources, what became of them. The first question about a submission says that it is queued.
 */
export async function startExplorers() {
  const submissions: Submission[] = [];
  const asked = new Set<string>();
  /** Names of contracts that Etherscan and Blockscout find something wrong with. */
  const refused = new Set<string>();
  const isRefused = (contract: string) => refused.has(contract.replace(/^.*:/, ""));

  const isVerified = (explorer: Submission["explorer"], address: string) =>
    submissions.some(
      (each) =>
        each.explorer === explorer &&
        each.address.toLowerCase() === address.toLowerCase() &&
        !isRefused(each.contract),
    );
  const submit = (submission: Submission): string => `${submissions.push(submission) - 1}`;
  const queuedOnce = (guid: string): boolean =>
    !asked.has(guid) && asked.add(guid) !== undefined && guid === "0";

  const etherscanLike = async (
    explorer: "etherscan" | "blockscout",
    url: URL,
    request: IncomingMessage,
  ): Promise<Answer> => {
    const query = url.searchParams;
    if (query.get("action") === "getsourcecode") {
      const known = isVerified(explorer, query.get("address")!);
      return ok({ status: "1", message: "OK", result: [{ SourceCode: known ? "contract" : "" }] });
    }
    if (query.get("action") === "verifysourcecode") {
      const form = new URLSearchParams(await text(request));
      const guid = submit({
        explorer,
        address: form.get("contractaddress")!,
        contract: form.get("contractname")!,
        input: JSON.parse(form.get("sourceCode")!) as Submission["input"],
        compiler: form.get("compilerversion")!,
        constructorArguments: form.get("constructorArguments") ?? undefined,
      });
      return ok({ status: "1", message: "OK", result: guid });
    }
    const guid = query.get("guid")!;
    if (queuedOnce(guid)) return ok({ status: "0", message: "NOTOK", result: "Pending in queue" });
    if (!isRefused(submissions[Number(guid)]!.contract)) {
      return ok({ status: "1", message: "OK", result: "Pass - Verified" });
    }
    return ok({ status: "0", message: "NOTOK", result: "Fail - Unable to verify" });
  };

  const sourcify = async (url: URL, request: IncomingMessage): Promise<Answer> => {
    const [what, chainOrGuid, address] = url.pathname.split("/v2/")[1]!.split("/");
    if (what === "contract") {
      const match = isVerified("sourcify", address!) ? "match" : null;
      const body = { match, creationMatch: match, runtimeMatch: match, chainId: chainOrGuid, address };
      return { status: match === null ? 404 : 200, body };
    }
    if (request.method === "POST") {
      const body = JSON.parse(await text(request)) as {
        stdJsonInput: Submission["input"];
        contractIdentifier: string;
        compilerVersion: string;
      };
      const verificationId = submit({
        explorer: "sourcify",
        address: address!,
        contract: body.contractIdentifier,
        input: body.stdJsonInput,
        compiler: body.compilerVersion,
        constructorArguments: undefined,
      });
      return { status: 202, body: { verificationId } };
    }
    return ok({
      isJobCompleted: true,
      verificationId: chainOrGuid,
      jobStartTime: new Date(0).toISOString(),
      contract: { match: "match" },
    });
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, "http://127.0.0.1");
    const explorer = url.pathname.split("/")[1];
    const answer =
      explorer === "sourcify"
        ? await sourcify(url, request)
        : await etherscanLike(explorer as "etherscan" | "blockscout", url, request);
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    urls: {
      etherscan: `${base}/etherscan/api`,
      blockscout: `${base}/blockscout/api`,
      sourcify: `${base}/sourcify/server`,
    },
    submissions,
    refused,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
