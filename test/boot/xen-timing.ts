// How long one guest's install takes on a Xen Dom0, and how long three and four at once: on this host, now. Prints a table.
//   node --import tsx test/boot/xen-timing.ts
import { dom0, guests, openXenLab } from './xen-lab.ts'

const minutes = (count: number) => count * 60_000

const main = async (): Promise<void> => {
  const lab = await openXenLab()
  try {
    await lab.bootstead.command('machine', 'set', ...guests, 'params.meet=[]', 'params.hold=[]') // nobody waits for anybody
    await lab.bootstead.command('machine', 'install', dom0, '--with-guests')
    const { machine, shell } = await lab.powerOn()
    await lab.reached(dom0, 'ready', minutes(15))
    console.log(
      `Dom0 and ${guests.length} guests installed and running ${machine.secondsOn().toFixed(0)} s after power-on`,
    )
    console.log('guests  seconds')
    for (const count of [1, 3, 4]) {
      const names = guests.slice(0, count)
      await shell.ask('allguests destroy', minutes(2))
      await lab.bootstead.command('machine', 'install', ...names)
      const began = performance.now()
      await shell.ask(`allguests install ${names.join(' ')}`, minutes(10))
      console.log(`${String(count).padStart(6)} ${((performance.now() - began) / 1000).toFixed(0).padStart(8)}`)
    }
  } finally {
    await lab.close()
  }
}

await main()
