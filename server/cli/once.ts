// What is worked out when it is first asked for, and never again.

export function once<T>(compute: () => T): () => T {
  let computed: Readonly<{ value: T }> | null = null
  return () => (computed ??= { value: compute() }).value
}
