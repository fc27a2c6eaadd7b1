// Who may do what: three roles, each with all that those before it may.

/** viewer sees, without secrets; operator changes machines and installs them; admin manages users too. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export const isRole = (text: string): text is Role => roles.includes(text as Role)

/** Whether what takes `least` is open to `role`. */
export const mayAs = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least)

export const lowerRole = (one: Role, other: Role): Role => (mayAs(one, other) ? other : one)

/** As it stands in the store. @throws when a program wrote something else there */
export function parseRole(text: string): Role {
  if (!isRole(text)) throw new Error(`${text} is no role; expected one of ${roles.join(', ')}`)
  return text
}
