// Returns memory to the kernel that only the start of a program needs.
#pragma once

namespace modelrun::runtime {

// Returns the heap's free pages to the kernel, and drops the read-only pages (code and constants) of the program and
// its shared libraries from this process. Those stay in the page cache, and a page that is used again is mapped again
// from there. Pages of writable segments are not touched. Thread-safe; may be called at any time.
void give_back_start_memory();

}  // namespace modelrun::runtime
