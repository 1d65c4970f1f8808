/**
 * libp2p 3 calls Promise.withResolvers, which Node 20 does not have. Imported before anything of libp2p; a later Node
 * keeps its own.
 */
function withResolvers<T>(this: PromiseConstructor): { promise: Promise<T>; resolve: (value: T | PromiseLike<T>) => void; reject: (reason?: unknown) => void } {
  let resolve: (value: T | PromiseLike<T>) => void = () => undefined;
  let reject: (reason?: unknown) => void = () => undefined;
  const promise = new this<T>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  return { promise, resolve, reject };
}

if (!('withResolvers' in Promise)) Object.defineProperty(Promise, 'withResolvers', { value: withResolvers, writable: true, configurable: true });
