/** What a comparable call of another system takes. */
export interface PeerFigure {
  readonly system: keyof typeof SYSTEMS;
  /** Calls of that system, by their names there; figures of several are added up. */
  readonly operation: string;
  /** Gas of whole transactions. */
  readonly gas: number;
  /** Measured from their code with their own settings, or published by them. */
  readonly source: "measured" | "published";
  /** How many of the row's units it is to be compared with: 9 when it does what here takes nine slots. */
  readonly units?: number;
}

/** Where the code comes from that was measured: repository and commit. */
export const SYSTEMS = {
  "Alt-DA": "ethereum-optimism/optimism d317e96",
  Codex: "codex-storage/codex-contracts-eth da1400c",
  EigenLayer: "Layr-Labs/eigenlayer-contracts f84a515",
  EthStorage: "ethstorage/es-node, pull requests 191 and 192",
  "Filecoin Pay": "FilOzone/filecoin-pay 04ded6a",
  "0G": "0gfoundation/0g-storage-contracts 40e6dec",
  OCR3: "smartcontractkit/libocr 0a5e2f9",
  PDP: "FilOzone/pdp cc3f5ea with FilOzone/filecoin-pay 04ded6a",
  Swarm: "ethersphere/storage-incentives d58cf47",
} as const;

const measured = (system: keyof typeof SYSTEMS, operation: string, gas: number, units = 1): PeerFigure => ({
  ...{ system, operation, gas, source: "measured" },
  ...(units === 1 ? {} : { units }),
});

/** A provider's proof that it has data: an appeal is the only one here that comes before the chain alone. */
const PROOFS: readonly PeerFigure[] = [
  measured("PDP", "provePossession, 1 piece, at least", 155_000),
  measured("Codex", "Groth16 check alone", 314_385),
  { system: "EthStorage", operation: "mine, later", gas: 492_423, source: "published" },
  measured("0G", "PoraMine", 395_165),
  measured("Swarm", "commit + reveal + claim", 875_636),
];

/**
 * Calls of other systems beside rows of the gas table. No two systems do quite the same, so a figure says no more than
 * what somebody pays there for the nearest thing:
 *
 * - Whole transactions with 21,000 and calldata, cold storage; each system's compiler settings, PDP's with Filecoin's
 *   own calls stubbed, 0G's mining with flow and reward mocked, Codex' slots filled without the zero-knowledge proof.
 * - OCR3 and EigenLayer check signatures and do nothing else; a certificate here also keeps roots and absences.
 * - Rows per slot or leaf are what one more takes within one transaction. Codex and PDP send one per slot or data set.
 * - Swarm's slash leaves the tokens where they are; here they are shared out. Alt-DA's answer is the data itself,
 *   1 KiB; here it is an opening of a shard of 128 KiB.
 * - 0G's submission registers a root: nobody signs, locks or promises anything.
 */
export const PEERS: Readonly<Record<string, readonly PeerFigure[]>> = {
  "certify 7 of 10": [
    measured("OCR3", "7 ECDSA signatures", 71_872),
    measured("EigenLayer", "ECDSA certificate, 7 of 10", 348_598),
  ],
  "certify 21 of 31": [
    measured("OCR3", "21 ECDSA signatures", 161_404),
    measured("EigenLayer", "ECDSA certificate, 22 of 32", 1_163_829),
  ],
  "certify 21 of 31, one absent": [measured("OCR3", "21 ECDSA signatures", 161_404)],
  "exceptions: missed leaf": [measured("Codex", "markProofAsMissing, mean", 132_310)],
  "exceptions: evicted slot": [measured("Codex", "forciblyFreeSlot", 88_413)],
  deposit: [measured("Filecoin Pay", "deposit, later", 59_364), measured("Codex", "vault deposit", 80_318)],
  "open, 9 slots, per slot": [
    measured("0G", "submission, at least, of the whole", 98_694, 9),
    measured("PDP", "createDataSet + addPieces, 1 piece", 245_416),
    measured("Codex", "reserveSlot + fillSlot", 418_465),
  ],
  "settle, 9 slots, per slot": [
    measured("Filecoin Pay", "settleRail, later", 91_641),
    measured("Codex", "freeSlot, at least", 99_000),
  ],
  end: [measured("Filecoin Pay", "terminateRail", 72_846)],
  "register provider": [measured("Swarm", "manageStake, mean", 134_706)],
  "register keeper": [measured("Swarm", "manageStake, mean", 134_706)],
  "accept a repair": [measured("Codex", "reserveSlot + fillSlot", 418_465)],
  "close a record, one slot slashed": [measured("Swarm", "slash", 38_932)],
  "withdraw credit": [
    measured("Filecoin Pay", "withdraw", 57_389),
    measured("Codex", "withdrawFunds", 89_516),
  ],
  withdraw: [measured("Codex", "vault withdraw", 45_820), measured("Filecoin Pay", "withdraw", 57_389)],
  "withdraw stake": [measured("Swarm", "surplus of a stake", 55_459)],
  "appeal, one shard": PROOFS,
  "direct challenge": [measured("Alt-DA", "challenge", 104_219)],
  "direct challenge and response": [
    measured("Alt-DA", "challenge + resolve, 1 KiB", 204_312),
    measured("Alt-DA", "challenge + resolve, 64 KiB", 2_750_169),
  ],
};

/** Whether the other system takes less gas for it than `gas` per unit of the row. */
export function isCheaperThere(gas: number, peer: PeerFigure): boolean {
  return peer.gas < gas * (peer.units ?? 1);
}

/** The other systems' figures as one cell of the table; those that are cheaper say so. */
export function formatPeers(gas: number, peers: readonly PeerFigure[]): string {
  return peers
    .map((peer) => {
      const figure = peer.gas.toLocaleString("en-US");
      const published = peer.source === "published" ? " (published)" : "";
      const cheaper = isCheaperThere(gas, peer) ? ", CHEAPER THERE" : "";
      return `${peer.system} ${peer.operation} ${figure}${published}${cheaper}`;
    })
    .join("; ");
}
