type Listener = () => void;

/** An `AbortSignal` as far as the SDK, Node's timers and this server use one. */
class Signal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners: Listener[];

  constructor(listeners: Listener[]) {
    this.#listeners = listeners;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** There is no other event, and this one comes once, whatever the options say. */
  addEventListener(_: "abort", listener: Listener): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_: "abort", listener: Listener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}

/** An `AbortController` that costs next to nothing, put into the SDK by the build (light-signals). */
export class AbortController {
  readonly #listeners: Listener[] = [];
  readonly signal = new Signal(this.#listeners);

  /** Calls every listener, then throws what the first of them threw that did. */
  abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): void {
    if (this.signal.aborted) return;
    this.signal.aborted = true;
    this.signal.reason = reason;
    const thrown: unknown[] = [];
    for (const listener of [...this.#listeners]) {
      // It may have been removed by one before it.
      if (!this.#listeners.includes(listener)) continue;
      try {
        listener();
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw thrown[0];
  }
}
