/** What is read where there may be nothing to read. */

/** Undefined where the file or folder that `reading` asks for does not exist; rejects with every other failure. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
