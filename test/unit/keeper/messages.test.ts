import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, encode } from "@ipld/dag-cbor";
import type { Address } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { decodeMessage, encodeMessage } from "../../../keeper/consensus/messageEncoding.ts";
import type { ConsensusMessage, Draft } from "../../../keeper/consensus/messages.ts";
import { createVoteSigner } from "../../../keeper/consensus/voteSigner.ts";
import { commit, EPOCH, inventory, leader, prepare, proposal, valueBy } from "./fixtures.ts";

const domain = { chainId: 31_337, group: `0x${"bb".repeat(20)}` as Address };
const value = valueBy([0, 1, 2, 3]);
const samples: ConsensusMessage[] = [
  inventory(1, ["whole", Uint8Array.of(0b101)]),
  proposal(0, value),
  prepare(2, 0, value),
  commit(3, 0, value),
  {
    type: "roundChange",
    epoch: EPOCH,
    round: 2,
    prepared: { round: 1, digest: `0x${"11".repeat(32)}` },
    lock: { value, prepares: [prepare(0, 1, value)] },
    handed: value,
    member: 1,
    signature: new Uint8Array(64),
  },
  { type: "decided", epoch: EPOCH, commits: [commit(0, 0, value)], value, member: 2 },
  { type: "sync", epoch: EPOCH, round: 3, member: 1, signature: new Uint8Array(64) },
];

describe("consensus messages on the wire", () => {
  for (const message of samples) {
    it(`${message.type} comes back as it was`, () => {
      assert.deepEqual(decodeMessage(domain, encodeMessage(domain, message)), message);
    });
  }

  const altered = (change: (raw: Record<string, unknown>) => void): Uint8Array => {
    const raw = decode<Record<string, unknown>>(encodeMessage(domain, samples[0]!));
    change(raw);
    return encode(raw);
  };
  const refused: [string, () => Uint8Array, string][] = [
    ["bytes that are no dag-cbor", () => Uint8Array.of(0xff, 1, 2), "MESSAGE_MALFORMED"],
    ["more bytes than allowed", () => new Uint8Array(1_000_001), "MESSAGE_TOO_LARGE"],
    ["another version", () => altered((raw) => Object.assign(raw, { v: 2 })), "UNSUPPORTED_VERSION"],
    ["another chain", () => encodeMessage({ ...domain, chainId: 1 }, samples[0]!), "MESSAGE_FOREIGN"],
    [
      "another group",
      () => encodeMessage({ ...domain, group: `0x${"01".repeat(20)}` }, samples[0]!),
      "MESSAGE_FOREIGN",
    ],
    [
      "an unknown field",
      () => altered((raw) => Object.assign(raw.message as object, { x: 1 })),
      "MESSAGE_MALFORMED",
    ],
    [
      "a member out of range",
      () => altered((raw) => Object.assign(raw.message as object, { member: 32 })),
      "MESSAGE_MALFORMED",
    ],
    [
      "a short signature",
      () => altered((raw) => Object.assign(raw.message as object, { signature: new Uint8Array(63) })),
      "MESSAGE_MALFORMED",
    ],
    [
      "holdings with a bitmap too few",
      () =>
        altered((raw) =>
          Object.assign(raw.message as object, {
            holdings: { states: Uint8Array.of(2, 2), covers: [Uint8Array.of(1)] },
          }),
        ),
      "MESSAGE_MALFORMED",
    ],
    [
      "holdings with a bitmap too many",
      () =>
        altered((raw) =>
          Object.assign(raw.message as object, {
            holdings: { states: Uint8Array.of(1), covers: [Uint8Array.of(1)] },
          }),
        ),
      "MESSAGE_MALFORMED",
    ],
  ];
  for (const [what, make, code] of refused) {
    it(`${what}: ${code}`, () => {
      assert.throws(() => decodeMessage(domain, make()), { code });
    });
  }
});

describe("signatures of consensus messages", () => {
  const accounts = [0, 1, 2, 3].map(() => privateKeyToAccount(generatePrivateKey()));
  const roster = accounts.map(({ address }) => address);
  const signers = accounts.map((account) => createVoteSigner({ domain, account, roster }));
  const checker = signers[0]!;
  const sign = async (member: number, draft: Draft): Promise<ConsensusMessage> =>
    ({ ...draft, member, signature: await signers[member]!.sign(draft) }) as ConsensusMessage;
  const bare = (message: ConsensusMessage): Draft => {
    const { signature: _signature, ...draft } = message as ConsensusMessage & { signature: Uint8Array };
    return draft as Draft;
  };

  it("a message is authentic if and only if its member signed it", async () => {
    for (const message of [samples[0]!, samples[2]!, samples[3]!, samples[6]!]) {
      const { member } = message;
      const good = await sign(member, bare(message));
      assert.equal(await checker.isAuthentic(good), true, message.type);
      const forger = (member + 1) % 4;
      const forged = { ...(await sign(forger, bare(message))), member } as ConsensusMessage;
      assert.equal(await checker.isAuthentic(forged), false, `${message.type} forged`);
    }
  });

  it("a signature does not move to another epoch, round, digest, type, group or chain", async () => {
    const good = await sign(2, bare(prepare(2, 0, value)));
    assert.ok(good.type === "prepare");
    const moved: ConsensusMessage[] = [
      { ...good, epoch: EPOCH + 1 },
      { ...good, round: 1 },
      { ...good, digest: `0x${"00".repeat(32)}` },
      { type: "sync", epoch: EPOCH, round: 0, member: 2, signature: good.signature },
    ];
    for (const message of moved) assert.equal(await checker.isAuthentic(message), false);
    for (const other of [
      { ...domain, chainId: 1 },
      { ...domain, group: roster[0]! },
    ]) {
      const elsewhere = createVoteSigner({ domain: other, account: accounts[0]!, roster });
      assert.equal(await elsewhere.isAuthentic(good), false);
    }
  });

  it("what a message carries must be authentic too", async () => {
    const inventories = await Promise.all(value.inventories.map((each) => sign(each.member, bare(each))));
    const signedValue = { ...value, inventories } as typeof value;
    const make = (carried: typeof value) =>
      sign(leader(0), bare({ ...proposal(0, value), value: carried } as ConsensusMessage));
    assert.equal(await checker.isAuthentic(await make(signedValue)), true);
    assert.equal(await checker.isAuthentic(await make(value)), false, "inventories nobody signed");

    const decided = async (signature: Uint8Array) => {
      const good = (await sign(3, bare(commit(3, 0, value)))) as ReturnType<typeof commit>;
      return checker.isAuthentic({
        type: "decided",
        epoch: EPOCH,
        commits: [{ ...good, signature: signature.length > 0 ? signature : good.signature }],
        value: null,
        member: 1,
      });
    };
    assert.equal(await decided(new Uint8Array(0)), true);
    assert.equal(await decided(new Uint8Array(64).fill(1)), false);
  });
});
