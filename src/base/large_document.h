// One parsed large document at a time in a process: a JSON text that a stranger chose can need sixty times its size
// while it stands as objects, so what many threads parse at once would decide how much memory the process needs.
#pragma once

#include <cstddef>

namespace modelrun {

// Texts of up to so many bytes are parsed without a turn.
inline constexpr std::size_t kLargeDocumentBytes = std::size_t{128} << 10U;

// The turn to hold one large document as objects. Declare it before the objects, so that they are gone when it ends:
//
//   const LargeDocument turn(text.size());
//   const auto value = nlohmann::json::parse(text);
//
// The constructor blocks while another thread has the turn; threads get it in the order in which they asked. A thread
// that has it already gets another at once. Do not wait for another thread, and send no request, while you have it.
class LargeDocument {
 public:
  // `bytes`: of the document's text. Needs no turn, and does nothing, if they are kLargeDocumentBytes at most.
  explicit LargeDocument(std::size_t bytes);
  // On the thread that made it.
  ~LargeDocument();
  // Threads that wait for the turn now. Thread-safe.
  static std::size_t waiting();
  LargeDocument(const LargeDocument&) = delete;
  LargeDocument& operator=(const LargeDocument&) = delete;

 private:
  const bool large_;
};

}  // namespace modelrun
