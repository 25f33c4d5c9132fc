/**
 * Adds up a Prometheus counter over several daemons, as anybody who watches them would.
 * @param labels all must be on a sample for it to count
 */
export async function sumMetric(
  urls: readonly string[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  return texts.reduce((sum, text) => sum + sumSamples(text, name, labels), 0);
}

/** The same for one text in the exposition format. */
export function sumSamples(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (sample?.[1] !== name) continue;
    const present = sample[2] ?? "";
    const matches = Object.entries(labels).every(([key, value]) => present.includes(`${key}="${value}"`));
    if (matches) sum += Number(sample[3]);
  }
  return sum;
}
