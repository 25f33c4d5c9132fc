/** Makes a value when it is first asked for. */
export function lazy<Value>(
  make: () => Value | Promise<Value>,
): (() => Promise<Value>) & { started(): boolean } {
  let value: Promise<Value> | undefined;
  const get = () => {
    value ??= Promise.resolve(make());
    return value;
  };
  return Object.assign(get, { started: () => value !== undefined });
}
