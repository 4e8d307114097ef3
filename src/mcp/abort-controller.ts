type Listener = () => void;

/** An `AbortSignal` as far as the SDK, Node's timers and this server use one. */
class Signal {
  aborted = false;
  reason: unknown = undefined;
  #listeners: Listener[] = [];

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** There is no other event, and this one comes once, whatever the options say. */
  addEventListener(_: "abort", listener: Listener): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_: "abort", listener: Listener): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener);
  }

  /** For the controller. */
  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.#listeners]) {
      // It may have been removed by one before it.
      if (this.#listeners.includes(listener)) listener();
    }
  }
}

/** An `AbortController` that costs next to nothing, put into the SDK by the build (light-signals). */
export class AbortController {
  signal = new Signal();

  abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): void {
    if (!this.signal.aborted) this.signal.abort(reason);
  }
}
