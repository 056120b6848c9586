#pragma once

/// A SQLite VFS over the system's own that gathers what is written to a write-ahead file until it is synced.
///
/// SQLite writes each frame in two pieces, 24 bytes and a page, so that a batch of 25 pages is 50 system
/// calls, each of which touches two pages of the system's cache. Gathered, a batch is one. Nothing changes
/// for durability: frames only count once a sync has ended, which is when they are all written, and what was
/// not synced may be lost in any case. With synchronous=FULL no other connection learns of a frame before
/// that sync either (sqlite.org/wal.html, §4; walIndexAppend() follows the sync in wal.c). An error of a
/// gathered write comes out of the sync.
///
/// Every other file is the system's VFS's, untouched.

namespace ciyuan::store::internal {

/// The VFS's name for sqlite3_open_v2, registered at the first call. Any thread. Null: there is no system
/// VFS.
const char* buffered_wal_vfs();

}  // namespace ciyuan::store::internal
