// Returns memory to the kernel that a program needed for a while: for its start, or for a load that is over.
#pragma once

namespace modelrun::runtime {

// Returns the heap's free pages to the kernel, and drops the read-only pages (code and constants) of the program and
// its shared libraries from this process. Those stay in the page cache, and a page that is used again is mapped again
// from there. Pages of writable segments are not touched. Thread-safe; may be called at any time.
void give_back_start_memory();

// Returns the heap's free pages to the kernel. The allocator keeps them otherwise, so that a process would look for
// ever as large as its largest moment. Takes some milliseconds. Thread-safe.
void give_back_free_memory();

}  // namespace modelrun::runtime
