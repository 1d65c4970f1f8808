/**
 * What LevelDB gathers in memory, with the log of it on disk, before it writes a table: twice its default of 4 MiB, up to 16 MiB for a
 * database whose last table is still being written. PERF: half as many tables to write and merge, while a crowd pays, on the two cores that
 * also execute the blocks: 5,000 payments at once were a tenth faster; 16 MiB gained little more. A crash makes the next start
 * read that much of the log again, some 0.1 s. The types of `level` know only what a browser's database has.
 */
export const WRITE_BUFFER = { writeBufferSize: 8 * 1_048_576 } as const;
