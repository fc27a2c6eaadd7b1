// Debian's preseeds as their reader takes them: debconf-set-selections of debian-installer is a shell script of its own,
// with other rules than the program of that name in an installed system.

export type Answer = Readonly<{ owner: string; question: string; type: string; value: string }>

/**
 * preseed 1.117, debconf-set-selections: lines that begin with `#` and empty ones go first, then a line that ends in a
 * backslash is joined with the next by one space. @throws Error on a line that it calls a syntax error
 */
export function parsePreseed(text: string): readonly Answer[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && !/^\s*$/.test(line))
  const joined: string[] = []
  let open = ''
  for (const line of lines.map((one) => one.replaceAll('\r', '').replace(/^\s+/, ''))) {
    open += (open === '' ? '' : ' ') + line.replace(/\s*\\$/, '')
    if (line.endsWith('\\')) continue
    joined.push(open)
    open = ''
  }
  if (open !== '') throw new Error(`the last line goes on in a line that isn't there: ${open}`)
  return joined.map((line) => {
    const [, owner, question, type, value = ''] = /^(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?$/.exec(line) ?? []
    if (owner === undefined || question === undefined || type === undefined) throw new Error(`syntax error: ${line}`)
    return { owner, question, type, value }
  })
}

type Question = Readonly<{ question: RegExp; type: string; source: string }>

const example = 'Installation Guide B.4 (example-preseed.txt)'

/** A question that isn't one is an answer that nobody hears: nothing in debian-installer complains of it. */
export const questions: readonly Question[] = [
  { question: /^mirror\/(country|https?\/(hostname|directory|proxy))$/, type: 'string', source: example },
  { question: /^mirror\/protocol$/, type: 'select', source: 'choose-mirror: mirror/protocol' },
  { question: /^debian-installer\/allow_unauthenticated$/, type: 'boolean', source: example },
  { question: /^apt-setup\/services-select$/, type: 'multiselect', source: example },
  {
    question: /^apt-setup\/(disable-cdrom-entries|cdrom\/set-first)$/,
    type: 'boolean',
    source: 'apt-setup 0.106 changelog, B.4.9',
  },
  { question: /^apt-setup\/local\d\/(repository|comment)$/, type: 'string', source: 'apt-setup generators/60local' },
  { question: /^debian-installer\/(locale|add-kernel-opts)$/, type: 'string', source: example },
  { question: /^(keyboard-configuration\/xkb-keymap|keymap)$/, type: 'select', source: 'B.4.1; keymap in Debian 7' },
  { question: /^clock-setup\/(utc|ntp)$/, type: 'boolean', source: example },
  { question: /^(clock-setup\/ntp-server|time\/zone)$/, type: 'string', source: example },
  { question: /^passwd\/(root-login|make-user)$/, type: 'boolean', source: example },
  { question: /^passwd\/root-password-crypted$/, type: 'password', source: 'user-setup-apply' },
  { question: /^partman-auto\/(disk|method|expert_recipe)$/, type: 'string', source: example },
  { question: /^partman-auto\/choose_recipe$/, type: 'select', source: example },
  { question: /^partman-(lvm\/device_remove_lvm|md\/device_remove_md)$/, type: 'boolean', source: example },
  {
    question: /^partman-partitioning\/(default_label|choose_label)$/,
    type: 'string',
    source: 'B.4.7: "To force GPT"',
  },
  {
    question:
      /^partman(-partitioning\/confirm_write_new_label|-basicfilesystems\/no_swap|-efi\/non_efi_system|\/confirm|\/confirm_nooverwrite)$/,
    type: 'boolean',
    source: example,
  },
  { question: /^partman\/(mount_style|choose_partition)$/, type: 'select', source: example },
  { question: /^grub-installer\/(only_debian|with_other_os)$/, type: 'boolean', source: example },
  { question: /^grub-installer\/bootdev$/, type: 'string', source: example },
  { question: /^finish-install\/reboot_in_progress$/, type: 'note', source: example },
  { question: /^debian-installer\/exit\/(halt|poweroff)$/, type: 'boolean', source: example },
  { question: /^tasksel\/first$/, type: 'multiselect', source: example },
  { question: /^popularity-contest\/participate$/, type: 'boolean', source: example },
  { question: /^pkgsel\/(upgrade|update-policy)$/, type: 'select', source: example },
  { question: /^pkgsel\/include$/, type: 'string', source: example },
  { question: /^(preseed\/(early|late)_command|partman\/early_command)$/, type: 'string', source: 'B.5.1' },
]

/** Questions that would be asked at priority critical, so that an install would wait there for ever. */
export const critical: readonly string[] = [
  'mirror/country',
  'passwd/root-password-crypted',
  'passwd/make-user',
  'partman-auto/disk',
  'partman-auto/method',
  'partman/choose_partition',
  'partman/confirm',
  'partman/confirm_nooverwrite',
  'grub-installer/bootdev',
  'finish-install/reboot_in_progress',
]

/** What debian-installer would not hear, or would ask, with that preseed. */
export function preseedErrors(text: string): readonly string[] {
  const answers = parsePreseed(text)
  const unknown = answers.filter(
    ({ question, type }) => !questions.some((row) => row.question.test(question) && row.type === type),
  )
  const given = answers.map(({ question }) => question)
  return [
    ...unknown.map(({ question, type }) => `there is no question ${question} of type ${type}`),
    ...given
      .filter((question, at) => given.indexOf(question) !== at)
      .map((question) => `${question} is answered twice`),
    ...critical.filter((question) => !given.includes(question)).map((question) => `${question} would be asked`),
  ]
}

/** A script as the preseed carries it: the lines that begin with `#NAME: `. */
export function scriptOf(text: string, name: string): string {
  const lines = text.split('\n').filter((line) => line.startsWith(`#${name}: `))
  return lines.map((line) => `${line.slice(name.length + 3)}\n`).join('')
}
