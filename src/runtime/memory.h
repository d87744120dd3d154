// Returns memory to the kernel that a program needed for a while: for its start, or for a load that is over.
#pragma once

namespace modelrun::runtime {

// Returns the heap's free pages to the kernel, which the allocator keeps otherwise, and drops the read-only pages (code
// and constants) of the program and its shared libraries from this process. Without it, a process would look for ever
// as large as its largest moment. The read-only pages stay in the page cache, and one that is used again is mapped
// again from there. Pages of writable segments are not touched. Takes some milliseconds. Thread-safe; may be called at
// any time.
void give_back_memory();

}  // namespace modelrun::runtime
