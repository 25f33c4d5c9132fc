import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hexToBytes, verifyTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { openEnvelope, sealEnvelope } from "../../../protocol/object/envelope.ts";
import {
  assertRecoveryPhrase,
  createRecoveryPhrase,
  phraseSecret,
} from "../../../protocol/object/recoveryPhrase.ts";
import {
  createRootKey,
  rewrapRootKey,
  rootIdOf,
  type Unlocker,
  unwrapObjectKey,
  unwrapRootKey,
  wrapObjectKey,
  wrapRootKey,
} from "../../../protocol/object/rootKey.ts";
import {
  type TypedDataSigner,
  unlockTypedData,
  walletSecret,
} from "../../../protocol/object/walletSecret.ts";
import { testRandom } from "./noise.ts";

const random = testRandom();
const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const stranger = privateKeyToAccount(`0x${"22".repeat(32)}`);

async function wallet(signer: TypedDataSigner, chainId = 31337): Promise<Unlocker> {
  return { by: "wallet", chainId, secret: await walletSecret(signer, chainId) };
}

describe("wallet secret", () => {
  it("is the wallet's EIP-712 signature, the same each time", async () => {
    const secret = await walletSecret(account, 31337);
    assert.deepEqual(await walletSecret(account, 31337), secret);
    const signature = `0x${Buffer.from(secret).toString("hex")}` as const;
    assert.ok(
      await verifyTypedData({
        ...unlockTypedData(account.address, 31337),
        address: account.address,
        signature,
      }),
    );
  });

  it("differs between chains and wallets", async () => {
    const secret = await walletSecret(account, 31337);
    assert.notDeepEqual(await walletSecret(account, 1), secret);
    assert.notDeepEqual(await walletSecret(stranger, 31337), secret);
  });

  it("is refused when the wallet signs differently the second time", async () => {
    let calls = 0;
    const moody: TypedDataSigner = {
      address: account.address,
      signTypedData: async () => `0x${(++calls).toString(16).padStart(130, "0")}`,
    };
    await assert.rejects(walletSecret(moody, 31337), { code: "SIGNATURE_NOT_DETERMINISTIC" });
  });
});

describe("recovery phrase", () => {
  it("follows BIP-39", () => {
    const zeros = createRecoveryPhrase((length) => new Uint8Array(length));
    assert.equal(zeros, `${"abandon ".repeat(23)}art`);
    assertRecoveryPhrase("legal winner thank year wave sausage worth useful legal winner thank yellow");
    assertRecoveryPhrase("  Legal WINNER thank year wave sausage worth useful legal winner thank   yellow ");
  });

  it("is refused with a wrong word, a wrong checksum or too few words", () => {
    const phrase = createRecoveryPhrase(random).split(" ");
    const invalid = { code: "RECOVERY_PHRASE_INVALID" };
    assert.throws(() => assertRecoveryPhrase(phrase.with(3, "memo").join(" ")), invalid);
    assert.throws(() => assertRecoveryPhrase(phrase.slice(1).join(" ")), invalid);
    assert.throws(() => assertRecoveryPhrase(`${"abandon ".repeat(23)}zoo`), invalid);
    assert.throws(() => assertRecoveryPhrase(""), invalid);
  });

  it("gives another secret for another salt", async () => {
    const phrase = createRecoveryPhrase(random);
    assert.notDeepEqual(await phraseSecret(phrase, random(32)), await phraseSecret(phrase, random(32)));
  });
});

describe("root key", () => {
  it("opens by the wallet and by the phrase that locked it, and by nothing else", async () => {
    const rootKey = createRootKey(random);
    const phrase: Unlocker = { by: "phrase", phrase: createRecoveryPhrase(random) };
    const roots = [
      await wrapRootKey(rootKey, await wallet(account), random),
      await wrapRootKey(rootKey, phrase, random),
    ];
    assert.deepEqual(await unwrapRootKey(roots, await wallet(account)), rootKey);
    assert.deepEqual(await unwrapRootKey(roots, phrase), rootKey);
    const locked = { code: "ROOT_KEY_LOCKED" };
    await assert.rejects(unwrapRootKey(roots, await wallet(stranger)), locked);
    await assert.rejects(unwrapRootKey(roots, await wallet(account, 1)), locked);
    await assert.rejects(
      unwrapRootKey(roots, { by: "phrase", phrase: createRecoveryPhrase(random) }),
      locked,
    );
    await assert.rejects(unwrapRootKey(roots.slice(0, 1), phrase), locked);
  });

  it("does not open when its id or any sealed byte is changed", async () => {
    const by = await wallet(account);
    const root = await wrapRootKey(createRootKey(random), by, random);
    await assert.rejects(unwrapRootKey([{ ...root, rootId: random(16) }], by), { code: "ROOT_KEY_LOCKED" });
    for (let i = 0; i < root.sealed.length; i++) {
      await assert.rejects(
        unwrapRootKey([{ ...root, sealed: root.sealed.with(i, root.sealed[i]! ^ 1) }], by),
      );
    }
  });

  it("is locked anew without changing, so that object keys stay", async () => {
    const rootKey = createRootKey(random);
    const objectId = random(16);
    const sealed = wrapObjectKey(random(32), rootKey, objectId, random);
    const old = await wrapRootKey(rootKey, await wallet(account), random);
    const next = await rewrapRootKey([old], await wallet(account), await wallet(stranger), random);
    const opened = await unwrapRootKey([next], await wallet(stranger));
    assert.deepEqual(opened, rootKey);
    assert.deepEqual(next.rootId, rootIdOf(rootKey));
    assert.ok(unwrapObjectKey(sealed, opened, objectId));
    await assert.rejects(unwrapRootKey([next], await wallet(account)), { code: "ROOT_KEY_LOCKED" });
  });

  it("locks object keys to their object", () => {
    const rootKey = createRootKey(random);
    const objectId = random(16);
    const sealed = wrapObjectKey(random(32), rootKey, objectId, random);
    assert.throws(() => unwrapObjectKey(sealed, rootKey, random(16)), { code: "ENVELOPE_INVALID" });
    assert.throws(() => unwrapObjectKey(sealed, createRootKey(random), objectId), {
      code: "ENVELOPE_INVALID",
    });
  });
});

describe("envelope", () => {
  it("opens only unchanged, under its key, label and binding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (plain, pick) => {
        const options = { key: random(32), label: "thing", binding: random(4) };
        const sealed = sealEnvelope(plain, { ...options, random });
        assert.deepEqual(openEnvelope(sealed, options), plain);
        const refused = { code: "ENVELOPE_INVALID" };
        const place = pick % sealed.length;
        assert.throws(() => openEnvelope(sealed.with(place, sealed[place]! ^ 0x40), options), refused);
        assert.throws(() => openEnvelope(sealed.subarray(1), options), refused);
        assert.throws(() => openEnvelope(sealed, { ...options, label: "other" }), refused);
        assert.throws(() => openEnvelope(sealed, { ...options, binding: hexToBytes("0x00") }), refused);
        assert.throws(() => openEnvelope(sealed, { ...options, key: random(32) }), refused);
      }),
    );
  });
});
