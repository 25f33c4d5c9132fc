import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { zeroHash } from "viem";
import { packThresholds } from "../../protocol/chain/parameters.ts";
import Factory from "./Factory.ts";
import Token from "./Token.ts";

/** A group on the factory. What a parameter means is at `GroupParameters`; `genesis` has no default. */
export default buildModule("Group", (m) => {
  const { token } = m.useModule(Token);
  const { factory } = m.useModule(Factory);
  const created = m.call(
    factory,
    "createGroup",
    [
      {
        token,
        treasury: m.getParameter("treasury", m.getAccount(0)),
        genesis: m.getParameter<number>("genesis"),
        epochLength: m.getParameter<number>("epochLength", 86_400),
        seedDelay: m.getParameter<number>("seedDelay", 60),
        answerWindow: m.getParameter<number>("answerWindow", 3600),
        applyWindow: m.getParameter<number>("applyWindow", 259_200),
        applyWindowBlocks: m.getParameter<number>("applyWindowBlocks", 7200),
        payerDelay: m.getParameter<number>("payerDelay", 86_400),
        unbondingDelay: m.getParameter<number>("unbondingDelay", 1_814_400),
        confirmations: m.getParameter<number>("confirmations", 12),
        maxGap: m.getParameter<number>("maxGap", 8),
        samples: m.getParameter<number>("samples", 64),
        termLength: m.getParameter<number>("termLength", 30),
        minKeeperStake: m.getParameter("minKeeperStake", 10_000n * 10n ** 18n),
        minProviderStake: m.getParameter("minProviderStake", 100n * 10n ** 18n),
        collateralPerShard: m.getParameter("collateralPerShard", 10n ** 15n),
        minPrice: m.getParameter("minPrice", 100n << 32n),
        appealWindow: m.getParameter<number>("appealWindow", 86_400),
        appealWindowBlocks: m.getParameter<number>("appealWindowBlocks", 7200),
        protectionEpochs: m.getParameter<number>("protectionEpochs", 7),
        evictionCap: m.getParameter<number>("evictionCap", 1000),
        challengeBond: m.getParameter("challengeBond", 10n ** 16n),
        repairBonusPerShard: m.getParameter("repairBonusPerShard", 2n * 10n ** 14n),
        repairThresholds: m.getParameter("repairThresholds", packThresholds([2, 2, 3, 4])),
        offerEpochs: m.getParameter<number>("offerEpochs", 2),
        offerExpiries: m.getParameter<number>("offerExpiries", 4),
        coolOffEpochs: m.getParameter<number>("coolOffEpochs", 7),
        freezeShare: m.getParameter<number>("freezeShare", 2000),
        freezeEpochs: m.getParameter<number>("freezeEpochs", 3),
        repairBudget: m.getParameter<number>("repairBudget", 1000),
        rejoinEpochs: m.getParameter<number>("rejoinEpochs", 7),
        lockShare: m.getParameter<number>("lockShare", 2500),
        blobAnswers: m.getParameter<boolean>("blobAnswers", false),
      },
      m.getParameter("salt", zeroHash),
    ],
    { id: "createGroup" },
  );
  const argument = (name: string) => m.readEventArgument(created, "GroupCreated", name, { id: name });
  return {
    token,
    factory,
    staking: m.contractAt("Staking", argument("staking")),
    orders: m.contractAt("StorageOrders", argument("orders")),
    settlement: m.contractAt("ChallengeSettlement", argument("settlement")),
    disputes: m.contractAt("Disputes", argument("disputes")),
    repairs: m.contractAt("Repairs", argument("repairs")),
    allowances: m.contractAt("Allowances", argument("allowances")),
  };
});
