// Gives back the memory that only the start of a program needs.
#pragma once

namespace modelrun::runtime {

// Thread-safe; may be called at any time. Frees the heap's empty pages and unmaps the pages of code and constants, of
// the program and of its libraries. They stay in the page cache, from where those that are used again come back at
// once. Never touches a page that could have been written to.
void give_back_start_memory();

}  // namespace modelrun::runtime
