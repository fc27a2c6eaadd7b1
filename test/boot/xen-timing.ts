// How long one guest's install takes on a Xen Dom0, and how long three and four at once: on this host, now: `make bench-xen`.
import { publishFigures } from '../bench/figures.ts'
import { dom0, guests, openXenLab } from './xen-lab.ts'

const minutes = (count: number) => count * 60_000

const main = async (): Promise<void> => {
  const lab = await openXenLab()
  try {
    await lab.bootstead.command('machine', 'set', ...guests, 'params.meet=[]', 'params.hold=[]') // nobody waits for anybody
    await lab.bootstead.command('machine', 'install', dom0, '--with-guests')
    const { machine, shell } = await lab.powerOn()
    await lab.reached(dom0, 'ready', minutes(15))
    const whole = machine.secondsOn()
    const rows: (readonly [guests: number, seconds: number])[] = []
    for (const count of [1, 3, 4]) {
      const names = guests.slice(0, count)
      await shell.ask('allguests destroy', minutes(2))
      await lab.bootstead.command('machine', 'install', ...names)
      const began = performance.now()
      await shell.ask(`allguests install ${names.join(' ')}`, minutes(10))
      rows.push([count, (performance.now() - began) / 1000])
    }
    const [, alone = 1] = rows[0] ?? []
    publishFigures(
      [
        {
          title:
            'Guests of one Xen Dom0 installed at once, against one after the other (an emulated machine, 4 CPUs on 2)',
          header: ['guests', 'seconds', 'as often one alone, s', 'of that'],
          rows: rows.map(([count, seconds]) => [
            count,
            seconds.toFixed(0),
            (alone * count).toFixed(0),
            `${((100 * seconds) / (alone * count)).toFixed(0)} %`,
          ]),
          note: `From \`allguests install\` to the last guest running again from its own disk. Before that: a bare machine to a Dom0 with ${guests.length} guests installed and running, ${whole.toFixed(0)} s from power-on. Here the emulator's processors are the limit; real installs wait for disks and the network.`,
        },
      ],
      'make bench-xen',
    )
  } finally {
    await lab.close()
  }
}

await main()
