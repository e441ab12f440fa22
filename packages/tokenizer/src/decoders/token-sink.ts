/**
 * How decoders are chained so that every chain can stream.
 *
 * HF's decoders map a list of tokens to a list of tokens. Here each is a step between two sinks: tokens go in one after
 * another, each in one part or several, and come out to the next sink as soon as they are certain. Fuse makes all
 * tokens one without holding anything back: it merely forgets where they end.
 */
export interface TokenSink {
  /** A part of the current token. It never ends inside a surrogate pair. */
  write(part: string): void;
  /** The current token is complete. */
  close(): void;
  /** No further tokens. The sink starts anew afterwards. */
  end(): void;
}

/** One decoder of a chain: the sink in front of `next`. */
export type DecoderStep = (next: TokenSink) => TokenSink;

/** A step that maps whole tokens by their place; undefined drops the token. */
export function mapTokens(map: (token: string, index: number) => string | undefined): DecoderStep {
  return (next) => {
    let index = 0;
    return bufferTokens({
      token: (token) => passOn(map(token, index++), next),
      end: () => {
        index = 0;
        next.end();
      },
    });
  };
}

/** A sink that collects the parts of each token and hands it on whole. */
export function bufferTokens(receiver: { token(token: string): void; end(): void }): TokenSink {
  let token = "";
  return {
    write: (part) => {
      token += part;
    },
    close: () => {
      const whole = token;
      token = "";
      receiver.token(whole);
    },
    end: () => receiver.end(),
  };
}

/** Hand one whole token to a sink, or nothing for undefined. */
export function passOn(token: string | undefined, next: TokenSink): void {
  if (token === undefined) return;
  next.write(token);
  next.close();
}
