// What each release's installer accepts in a kickstart, as a table: any command, option or section that isn't in it for a
// release is refused by the tests. Sources name pykickstart's command classes (class prefix = release that brought it)
// as its handlers rhel4.py … rhel10.py and f43.py map them.

/** In the order in which their grammars follow from one another. */
export const releases = ['el4', 'el5', 'el6', 'el7', 'el8', 'el9', 'el10', 'fedora'] as const
export type Release = (typeof releases)[number]

type Range = Readonly<{ from?: Release; to?: Release }>
/** `command`, `command --option` or `%section --option`. */
type Rule = Range & Readonly<{ what: string; source: string }>

const everywhere = 'FC3 handler, kept by all'
const partition = 'FC3_Partition'

const rules: readonly Rule[] = [
  { what: 'install', to: 'el7', source: 'F29_Install deprecates it (EL 8), F34_Install removes it (EL 9)' },
  { what: 'text', source: everywhere },
  { what: 'text --non-interactive', from: 'el8', source: 'F26_DisplayMode' },
  { what: 'key', from: 'el5', to: 'el5', source: 'RHEL5_Key, F7_Key: ignored in EL 6' },
  { what: 'key --skip', from: 'el5', to: 'el5', source: 'RHEL5_Key' },
  { what: 'url', source: everywhere },
  { what: 'url --url', source: 'FC3_Url' },
  { what: 'repo', from: 'el5', source: 'FC6_Repo' },
  { what: 'repo --name', from: 'el5', source: 'FC6_Repo' },
  { what: 'repo --baseurl', from: 'el5', source: 'FC6_Repo' },
  { what: 'lang', source: everywhere },
  { what: 'langsupport', to: 'el4', source: 'FC5_LangSupport: deprecated' },
  { what: 'langsupport --default', to: 'el4', source: 'FC3_LangSupport' },
  { what: 'keyboard', source: everywhere },
  { what: 'keyboard --vckeymap', from: 'el7', source: 'F18_Keyboard' },
  { what: 'mouse', to: 'el4', source: 'FC3_Mouse; anaconda 11 ignores it' },
  { what: 'timezone', source: everywhere },
  { what: 'timezone --utc', source: 'FC3_Timezone' },
  {
    what: 'timezone --ntpservers',
    from: 'el7',
    to: 'el8',
    source: 'F18_Timezone; F33_Timezone deprecates it, F40_Timezone removes it',
  },
  { what: 'timesource', from: 'el9', source: 'F33_Timesource' },
  { what: 'timesource --ntp-server', from: 'el9', source: 'F33_Timesource' },
  { what: 'network', source: everywhere },
  ...[
    '--bootproto',
    '--device',
    '--gateway',
    '--hostname',
    '--ip',
    '--mtu',
    '--nameserver',
    '--netmask',
    '--onboot',
  ].map((option): Rule => ({ what: `network ${option}`, source: 'FC3_Network' })),
  { what: 'network --noipv6', from: 'el5', source: 'FC6_Network' },
  { what: 'network --nodefroute', from: 'el6', source: 'F16_Network, RHEL6_Network' },
  { what: 'network --activate', from: 'el6', source: 'F16_Network, RHEL6_Network' },
  { what: 'network --vlanid', from: 'el6', source: 'F19_Network, RHEL6_Network' },
  { what: 'network --bridgeslaves', from: 'el7', source: 'F22_Network, RHEL7_Network' },
  { what: 'network --bridgeopts', from: 'el7', source: 'F22_Network, RHEL7_Network' },
  {
    what: 'auth',
    from: 'el5',
    to: 'el7',
    source: 'F28_Authconfig deprecates it (EL 8 has authselect), F35_Authconfig removes it',
  },
  { what: 'auth --enableshadow', from: 'el5', to: 'el7', source: 'options are authconfig(8)s own' },
  { what: 'auth --passalgo', from: 'el5', to: 'el7', source: 'authconfig 5.3.21 (EL 5.2)' },
  { what: 'authconfig', to: 'el7', source: 'as auth' },
  { what: 'authconfig --enableshadow', to: 'el7', source: 'authconfig(8)' },
  { what: 'authconfig --enablemd5', to: 'el5', source: 'authconfig(8)' },
  { what: 'authconfig --passalgo', from: 'el5', to: 'el7', source: 'authconfig 5.3.21 (EL 5.2)' },
  { what: 'rootpw', source: everywhere },
  { what: 'rootpw --iscrypted', source: 'FC3_RootPw' },
  { what: 'rootpw --lock', from: 'el6', source: 'F8_RootPw; without a password only since F18_RootPw' },
  { what: 'sshkey', from: 'el8', source: 'F22_SshKey; the EL 7 handler got it only late' },
  { what: 'sshkey --username', from: 'el8', source: 'F22_SshKey' },
  { what: 'selinux', source: everywhere },
  ...['--enforcing', '--permissive', '--disabled'].map((option): Rule => ({
    what: `selinux ${option}`,
    source: 'FC3_SELinux',
  })),
  { what: 'firewall', source: everywhere },
  ...['--enabled', '--disabled', '--ssh', '--port'].map((option): Rule => ({
    what: `firewall ${option}`,
    source: 'FC3_Firewall',
  })),
  { what: 'services', from: 'el5', source: 'FC6_Services' },
  { what: 'services --enabled', from: 'el5', source: 'FC6_Services' },
  { what: 'services --disabled', from: 'el5', source: 'FC6_Services' },
  { what: 'firstboot', source: everywhere },
  { what: 'firstboot --disable', source: 'FC3_Firstboot' },
  { what: 'skipx', to: 'el7', source: 'FC3_SkipX; nothing asks for X since EL 8' },
  { what: 'eula', from: 'el7', source: 'F20_Eula' },
  { what: 'eula --agreed', from: 'el7', source: 'F20_Eula' },
  { what: 'ignoredisk', source: everywhere },
  { what: 'ignoredisk --only-use', source: 'F8_IgnoreDisk, which the EL 4 and EL 5 handlers use too' },
  { what: 'bootloader', source: everywhere },
  { what: 'bootloader --location', source: 'FC3_Bootloader' },
  { what: 'bootloader --append', source: 'FC3_Bootloader' },
  { what: 'bootloader --driveorder', to: 'el6', source: 'FC3_Bootloader; EL 7 has --boot-drive for it' },
  { what: 'bootloader --boot-drive', from: 'el7', source: 'F17_Bootloader' },
  { what: 'bootloader --hvargs', from: 'el5', to: 'el5', source: 'RHEL5_Bootloader' },
  { what: 'zerombr', source: everywhere },
  { what: 'clearpart', source: everywhere },
  ...['--all', '--none', '--initlabel', '--drives'].map((option): Rule => ({
    what: `clearpart ${option}`,
    source: 'FC3_ClearPart',
  })),
  { what: 'clearpart --disklabel', from: 'el8', source: 'F21_ClearPart; the EL 7 handler got it only late' },
  { what: 'part', source: partition },
  ...['--fstype', '--onpart', '--size', '--grow', '--ondisk', '--fsoptions'].map((option): Rule => ({
    what: `part ${option}`,
    source: partition,
  })),
  { what: 'autopart', source: everywhere },
  { what: 'autopart --type', from: 'el7', source: 'F17_AutoPart' },
  { what: 'autopart --fstype', from: 'el8', source: 'F21_AutoPart' },
  { what: 'reboot', source: everywhere },
  { what: 'poweroff', source: everywhere },
  { what: 'halt', source: everywhere },
  { what: '%packages', source: everywhere },
  { what: '%packages --resolvedeps', to: 'el4', source: 'PackageSection: deprecated FC4, removed F9' },
  { what: '%pre', source: everywhere },
  { what: '%post', source: everywhere },
  ...['%pre --erroronfail', '%post --erroronfail', '%post --log'].map((what): Rule => ({
    what,
    from: 'el6',
    source: 'EL 6 Installation Guide; those of EL 4 and 5 list --interpreter and --nochroot only',
  })),
  { what: '%end', from: 'el6', source: 'F8: every section needs it; EL 4 and 5 take it for a part of the script' },
  { what: '%addon', from: 'el7', source: 'anaconda 19: com_redhat_kdump' },
  { what: '%addon --disable', from: 'el7', source: 'kdump-anaconda-addon' },
]

/** Commands that the installer asks for on its screen when they are missing, so that an install would wait there. */
const required: readonly Rule[] = [
  ...[
    'lang',
    'keyboard',
    'timezone',
    'rootpw',
    'bootloader',
    'ignoredisk',
    'clearpart',
    '%packages',
    '%pre',
    '%post',
  ].map((what): Rule => ({ what, source: 'EL Installation Guides: required, or asked for' })),
  { what: 'langsupport', to: 'el4', source: 'EL 4 System Administration Guide: required' },
  { what: 'mouse', to: 'el4', source: 'EL 4 System Administration Guide: required' },
  { what: 'install', to: 'el7', source: 'EL Installation Guides' },
  { what: 'key', from: 'el5', to: 'el5', source: 'EL 5 Installation Guide: without it the installer asks' },
  { what: '%end', from: 'el6', source: 'F8' },
  { what: '%pre --erroronfail', from: 'el6', source: 'or a refused disk would be written all the same' },
]

const isIn = (release: Release, { from = 'el4', to = 'fedora' }: Range): boolean =>
  releases.indexOf(from) <= releases.indexOf(release) && releases.indexOf(release) <= releases.indexOf(to)

const allowed = new Map(
  releases.map((release) => [release, new Set(rules.filter((rule) => isIn(release, rule)).map((rule) => rule.what))]),
)

type Kickstart = Readonly<{
  commands: readonly string[]
  sections: readonly Readonly<{ header: string; kind: string; body: string }>[]
}>

/** Splits a kickstart as its installer does. @throws Error on a section that is not closed, or closed where none is open */
export function parseKickstart(release: Release, text: string): Kickstart {
  const hasEnd = releases.indexOf(release) >= releases.indexOf('el6')
  const commands: string[] = []
  const sections: { header: string; kind: string; lines: string[] }[] = []
  let open: { lines: string[] } | null = null
  for (const line of text.split('\n')) {
    const starts = /^\s*%(?!end\b)\S/.test(line)
    if (hasEnd && /^\s*%end\b/.test(line)) {
      if (open === null) throw new Error('%end without a section')
      open = null
    } else if (starts && (open === null || !hasEnd)) {
      const section = { header: line, kind: line.split(' ')[0] ?? '', lines: [] }
      sections.push(section)
      open = section
    } else if (starts) throw new Error(`a line of a section looks like a section: ${line}`)
    else if (open !== null) open.lines.push(line)
    else if (line.trim() !== '' && !line.startsWith('#')) commands.push(line)
  }
  if (open !== null && hasEnd) throw new Error('a section has no %end')
  return { commands, sections: sections.map(({ header, kind, lines }) => ({ header, kind, body: lines.join('\n') })) }
}

/** What a release's installer would refuse, or ask about, in that kickstart. */
export function grammarErrors(release: Release, text: string): readonly string[] {
  const { commands, sections } = parseKickstart(release, text)
  const used = [...commands, ...sections.map(({ header }) => header)].flatMap(featuresOf)
  if (/^%end$/m.test(text)) used.push('%end')
  const errors = used.filter((what) => !allowed.get(release)?.has(what)).map((what) => `${release} has no ${what}`)
  const missing = required
    .filter((rule) => isIn(release, rule) && !used.includes(rule.what))
    .map((rule) => `${release} needs ${rule.what}`)
  const zerombr = commands.find((line) => line.startsWith('zerombr'))
  const wanted = releases.indexOf(release) <= releases.indexOf('el5') ? 'zerombr yes' : 'zerombr' // F9_ZeroMbr takes no argument
  return [
    ...errors,
    ...missing,
    ...(zerombr === undefined || zerombr === wanted ? [] : [`${release} says ${wanted}, not ${zerombr}`]),
  ]
}

/** `network --device=eth0 --ip=…` → `network`, `network --device`, `network --ip`. Quoted text is no option. */
function featuresOf(line: string): readonly string[] {
  const [command = '', ...words] = line.replaceAll(/'[^']*'/g, 'Q').split(' ')
  return [
    command,
    ...words.filter((word) => word.startsWith('--')).map((word) => `${command} ${word.split('=')[0] ?? ''}`),
  ]
}
