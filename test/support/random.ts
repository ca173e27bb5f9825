/** Numbers in [0, 1) from a seed (a linear congruential generator; fixed for all time, so that the same figures come of it). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
