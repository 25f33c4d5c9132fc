import type { Hex } from "viem";
import { MemoError } from "../errors.ts";
import type { GroupState, Milestone } from "./groupTypes.ts";

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
/** Names of the maps of a state. */
type MapName = {
  [Name in keyof GroupState]: GroupState[Name] extends ReadonlyMap<infer _Key, infer _Value> ? Name : never;
}[keyof GroupState];
type KeyOf<Name extends MapName> =
  GroupState[Name] extends ReadonlyMap<infer Key, infer _Value> ? Key : never;
type ValueOf<Name extends MapName> =
  GroupState[Name] extends ReadonlyMap<infer _Key, infer Value> ? Value : never;

/**
 * The state that comes out of a block while its events are applied. A map is copied when it is first written
 * to, so once a block however many events there are; the state before stays as it was.
 */
export type GroupDraft = {
  /** As of the events applied so far; not to be kept, as it goes on changing. */
  readonly state: GroupState;
  readonly milestones: Milestone[];
  set<Name extends MapName>(name: Name, key: KeyOf<Name>, value: ValueOf<Name>): void;
  delete<Name extends MapName>(name: Name, key: KeyOf<Name>): void;
  /** Replaces what is no map. */
  assign(values: Partial<Omit<GroupState, MapName>>): void;
};

/** Starts a draft of the state that follows `before`. */
export function createDraft(before: GroupState): GroupDraft {
  const state: Mutable<GroupState> = { ...before };
  const own = new Map<MapName, Map<unknown, unknown>>();
  const writable = (name: MapName): Map<unknown, unknown> => {
    const known = own.get(name);
    if (known !== undefined) return known;
    const copy = new Map<unknown, unknown>(before[name]);
    own.set(name, copy);
    Object.assign(state, { [name]: copy });
    return copy;
  };
  return {
    state,
    milestones: [],
    set: (name, key, value) => void writable(name).set(key, value),
    delete(name, key) {
      if ((state[name] as ReadonlyMap<unknown, unknown>).has(key)) writable(name).delete(key);
    },
    assign: (values) => void Object.assign(state, values),
  };
}

/**
 * What an event speaks of. The contracts emit nothing about what they have not announced before; if they did,
 * the log is cut.
 * @throws GROUP_LOG_INCOMPLETE
 */
export function known<Key extends number | bigint | Hex | string, Value>(
  map: ReadonlyMap<Key, Value>,
  key: Key,
): Value {
  const value = map.get(key);
  if (value !== undefined) return value;
  throw new MemoError(
    "GROUP_LOG_INCOMPLETE",
    `An event speaks of ${key}, which no event before has announced. The start block of the deployment is too late, or the chain node leaves out events.`,
    { details: { key } },
  );
}
