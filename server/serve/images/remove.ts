// Takes an image's files out of the state folder again; the caller has made sure that no row needs them.
import { join } from 'node:path'
import { removeGeneration } from './generation.ts'

type RemovedImage = Readonly<{
  files: boolean
  /** Only a tree that came from an ISO under this image's name; a site's own folders in STATE/repo are never touched. */
  tree: boolean
}>

/** @throws when STATE/images/NAME, or with `tree` STATE/repo/NAME, was not made by addImage() */
export async function removeImage(
  stateDir: string,
  name: string,
  options: Readonly<{ tree: boolean }>,
): Promise<RemovedImage> {
  const tree = options.tree && (await removeGeneration(join(stateDir, 'repo'), name))
  return { files: await removeGeneration(join(stateDir, 'images'), name), tree }
}
