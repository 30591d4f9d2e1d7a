import { FileError } from './files.ts'

// What file systems that are not the machine's refuse as the machine's does.

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBADF: 'the file is not open for this',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty'
}

/** @param verb what could not be done, as in `cannot open …` */
export function refusal(code: string, verb: string, path: string): FileError {
  return new FileError(code, path, `cannot ${verb} ${path}: ${reasons[code]} (${code})`, verb)
}

export function refuse(code: string, verb: string, path: string): never {
  throw refusal(code, verb, path)
}

/** A missing name is ENOENT, unless what should be a folder on the way to it is a file. */
export function refuseMissing(
  verb: string,
  path: string,
  isFile: (path: string) => boolean
): never {
  const names = namesOf(path)
  for (let count = 1; count < names.length; count++)
    if (isFile(names.slice(0, count).join('/'))) refuse('ENOTDIR', verb, path)
  return refuse('ENOENT', verb, path)
}

/** The names in a path, from the root on. */
export function namesOf(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.')
}
