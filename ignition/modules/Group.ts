import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { groupParametersSchema } from "../../protocol/chain/parameters.ts";
import Factory from "./Factory.ts";
import StoreRegistry from "./StoreRegistry.ts";
import Token from "./Token.ts";

/** What is chosen for a group; its token comes with the deployment. */
export const CHOSEN_PARAMETERS = Object.keys(groupParametersSchema.shape).filter((name) => name !== "token");

/** The transaction of a journal that makes a group. */
export const GROUP_FUTURE = /^Group_[A-Za-z0-9_]+#createGroup$/;

/** Id of the module of a group; its parameters go under it. */
export function groupModuleId(name: string): string {
  return `Group_${name}`;
}

/**
 * A group on the factory. Every name is a module of its own, so that one deployment can hold several groups. No
 * parameter has a default here: none can be changed later.
 */
export function groupModule(name: string) {
  return buildModule(groupModuleId(name), (m) => {
    const { token } = m.useModule(Token);
    const { factory } = m.useModule(Factory);
    const { storeRegistry } = m.useModule(StoreRegistry);
    const chosen = Object.fromEntries(CHOSEN_PARAMETERS.map((each) => [each, m.getParameter(each)]));
    m.call(factory, "createGroup", [{ token, ...chosen }, m.getParameter("salt")], { id: "createGroup" });
    return { token, factory, storeRegistry };
  });
}
