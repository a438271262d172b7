/** Milliseconds that this process has computed: for what must be quick, on machines that do something else beside the tests. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
