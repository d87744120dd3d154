#include "controller/sweep_notes.h"

#include <utility>

#include "kube/refusal.h"

namespace modelrun::controller {

const SweepNotes::Note* SweepNotes::find(const std::string& uid) const {
  const auto note = notes_.find(uid);
  return note == notes_.end() ? nullptr : &note->second;
}

std::shared_ptr<const SweepLayout> SweepNotes::layout(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto* note = find(uid);
  return note == nullptr ? nullptr : note->layout;
}

void SweepNotes::set_layout(const std::string& uid, std::shared_ptr<const SweepLayout> layout) {
  const MutexLock lock(mutex_);
  notes_[uid].layout = std::move(layout);
}

std::optional<SweepRunView> SweepNotes::ended_run(const std::string& uid, const std::string& run_uid) const {
  const MutexLock lock(mutex_);
  const auto* note = find(uid);
  if (note == nullptr) return std::nullopt;
  const auto run = note->ended.find(run_uid);
  return run == note->ended.end() ? std::nullopt : std::optional(run->second);
}

void SweepNotes::set_ended_run(const std::string& uid, SweepRunView run) {
  const MutexLock lock(mutex_);
  notes_[uid].ended[run.uid] = std::move(run);
}

void SweepNotes::note_trouble(const std::string& uid, const Error& error) {
  const MutexLock lock(mutex_);
  auto& trouble = notes_[uid].trouble;
  const bool refused = kube::is_refusal(error.kind);
  // How long a refusal lasts counts from when it began.
  const bool same = trouble && trouble->refused == refused;
  trouble = Trouble{error.message, refused, same ? trouble->since : clock_.now()};
}

void SweepNotes::trouble_over(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto note = notes_.find(uid);
  if (note != notes_.end()) note->second.trouble.reset();
}

std::optional<SweepTrouble> SweepNotes::trouble(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto* note = find(uid);
  if (note == nullptr || !note->trouble) return std::nullopt;
  const auto& trouble = *note->trouble;
  return SweepTrouble{trouble.message, trouble.refused,
                      std::chrono::duration_cast<Duration>(clock_.now() - trouble.since)};
}

void SweepNotes::give_up(const std::string& uid, std::string why) {
  const MutexLock lock(mutex_);
  notes_[uid].given_up = std::move(why);
}

std::optional<std::string> SweepNotes::given_up(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto* note = find(uid);
  return note == nullptr ? std::nullopt : note->given_up;
}

void SweepNotes::note_write(const std::string& uid) {
  const MutexLock lock(mutex_);
  notes_[uid].written = clock_.now();
}

std::optional<Duration> SweepNotes::since_write(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto* note = find(uid);
  if (note == nullptr || !note->written) return std::nullopt;
  return std::chrono::duration_cast<Duration>(clock_.now() - *note->written);
}

void SweepNotes::forget(const std::string& uid) {
  const MutexLock lock(mutex_);
  notes_.erase(uid);
}

}  // namespace modelrun::controller
