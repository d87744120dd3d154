// Counts the distinct states that worlds have been in.
//
// A state is a 64-bit digest of two things:
// - the objects of the API server, without leases, and without resourceVersions, times and UIDs, which would make
//   nearly every moment a state of its own (objects.cc);
// - what each process knows: whether it runs, is stopped, has its caches filled or leads; for each object whether its
//   caches have it and have it in the server's version; how many keys are ready and delayed in its queues; how many
//   requests are on their way (Process::digest()).
// Different states may have the same digest, so the count is a lower bound; with a million states that is unlikely to
// matter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace modelrun::simulation {

// A set of states in memory that a process shares with its children: what they note counts once, and stays when one of
// them dies.
class Coverage {
 public:
  Coverage();
  ~Coverage();
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

  // Adds a state. Does nothing any more when the table is nearly full, after some 14 million.
  void note(std::uint64_t state);
  [[nodiscard]] std::size_t states() const;

 private:
  struct Table;
  Table* table_;
};

}  // namespace modelrun::simulation
