import { MultiBar, Presets, type SingleBar } from "cli-progress";
import pc from "picocolors";

/** Part of a bar's way at which a terminal that shows no bars gets a line. */
const PLAIN_STEPS = 4;

export interface Bar {
  /** `done` of the total, with what is said beside it. */
  update(done: number, text: string): void;
  /** Ends the bar; it leaves one line. */
  finish(text: string): void;
}

export interface Terminal {
  heading(text: string): void;
  /** Begins a stage of the story. */
  stage(title: string): void;
  /** A finished step of a stage. */
  step(text: string): void;
  /** A remark on the last step. */
  note(text: string): void;
  bar(label: string, total: number): Bar;
  /** Takes an unfinished bar off the screen. */
  clear(): void;
}

/**
 * Tells the story on a stream: colours and moving bars on a terminal, plain lines otherwise.
 * `NO_COLOR` is respected by picocolors itself.
 */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  const colours = pc.createColors(pc.isColorSupported && stream.isTTY === true);
  const started = performance.now();
  let open: MultiBar | undefined;

  const clear = (): void => {
    open?.stop();
    open = undefined;
  };
  const write = (line: string): void => {
    clear();
    stream.write(`${line}\n`);
  };
  const elapsed = (): string =>
    colours.dim(`${((performance.now() - started) / 1000).toFixed(1)} s`.padStart(7));

  return {
    heading: (text) => write(`\n${colours.bold(text)}`),
    stage: (title) => write(`\n${elapsed()}  ${colours.bold(colours.cyan(title))}`),
    step: (text) => write(`${elapsed()}  ${colours.green("✓")} ${text}`),
    note: (text) => write(`           ${colours.dim(text)}`),
    clear,
    bar: (label, total) => {
      clear();
      return stream.isTTY ? movingBar(label, total) : plainBar(label, total);
    },
  };

  function movingBar(label: string, total: number): Bar {
    open = new MultiBar(
      {
        stream,
        hideCursor: true,
        clearOnComplete: true,
        format: `           {bar} {percentage} %  ${label}  {text}`,
        barsize: 24,
        fps: 8,
      },
      Presets.rect,
    );
    const bar: SingleBar = open.create(total, 0, { text: "" });
    return {
      update: (done, text) => bar.update(Math.min(done, total), { text }),
      finish: (text) => write(`${elapsed()}  ${colours.green("✓")} ${text}`),
    };
  }

  function plainBar(label: string, total: number): Bar {
    let said = 0;
    return {
      update: (done, text) => {
        const step = Math.floor((done / total) * PLAIN_STEPS);
        if (step <= said || step >= PLAIN_STEPS) return;
        said = step;
        write(`           ${label}: ${Math.round((step * 100) / PLAIN_STEPS)} %  ${text}`);
      },
      finish: (text) => write(`${elapsed()}  ${colours.green("✓")} ${text}`),
    };
  }
}
