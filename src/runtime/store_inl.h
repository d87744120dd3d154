// The definitions of Store's member functions. Included by store.h only.
#pragma once

#include <algorithm>

#include "runtime/store.h"

namespace modelrun::runtime {

template <class T>
auto Store<T>::find(std::string_view key) const -> Ptr {
  const ReadLock lock(mutex_);
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : entry->second.object;
}

template <class T>
auto Store<T>::by_index(std::string_view index, std::string_view value) const -> std::vector<Ptr> {
  const ReadLock lock(mutex_);
  std::vector<Ptr> found;
  const auto named = indexes_.find(index);
  if (named == indexes_.end()) return found;
  const auto keys = named->second.keys.find(value);
  if (keys == named->second.keys.end()) return found;
  found.reserve(keys->second.size());
  for (const std::string* key : keys->second) found.push_back(entries_.find(*key)->second.object);
  return found;
}

template <class T>
void Store<T>::for_each(const std::function<void(const Ptr&)>& visit) const {
  const ReadLock lock(mutex_);
  for (const auto& [key, entry] : entries_) visit(entry.object);
}

template <class T>
std::size_t Store<T>::size() const {
  const ReadLock lock(mutex_);
  return entries_.size();
}

template <class T>
bool Store<T>::filled() const {
  const ReadLock lock(mutex_);
  return !scopes_.empty() && std::ranges::all_of(scopes_, [](const auto& scope) { return scope.second.filled; });
}

template <class T>
bool Store<T>::put(T object) {
  const auto key = object.meta.key();
  Change change;
  {
    const WriteLock lock(mutex_);
    if (tombstones_.covers(object.meta)) return false;
    const auto entry = entries_.find(key);
    if (entry != entries_.end() && entry->second.object->meta.resource_version >= object.meta.resource_version) {
      return false;
    }
    change = set_locked(key, std::make_shared<const T>(std::move(object)), /*own=*/true);
  }
  report(change);
  return true;
}

template <class T>
void Store<T>::upsert(T object) {
  const auto key = object.meta.key();
  Change change;
  {
    const WriteLock lock(mutex_);
    const auto scope = scope_of(object.meta.namespace_);
    const auto entry = entries_.find(key);
    if (entry != entries_.end()) {
      Entry& stored = entry->second;
      const auto stored_version = stored.object->meta.resource_version;
      const auto version = object.meta.resource_version;
      stored.round = scope.round;
      if (version == stored_version && stored.object->meta.uid == object.meta.uid) {
        stored.own = false;  // the watch has caught up with the write of put()
        return;
      }
      // A list counts even if its version is lower (etcd was restored from a backup), unless the stored version is
      // the answer to a write that happened after the list was made.
      if (version < stored_version && (stored.own || !scope.replacing)) return;
    }
    change = set_locked(key, std::make_shared<const T>(std::move(object)), /*own=*/false);
  }
  report(change);
}

template <class T>
void Store<T>::remove(const api::ObjectMeta& meta) {
  const auto key = meta.key();
  Change change;
  {
    const WriteLock lock(mutex_);
    const auto entry = entries_.find(key);
    const bool there = entry != entries_.end();
    // True when this is the deletion of an earlier object of the same name, and the store has the answer to the
    // creation of the next one already.
    const bool earlier = there && entry->second.object->meta.uid != meta.uid &&
                         entry->second.object->meta.resource_version > meta.resource_version;
    if (earlier) return;
    if (there) {
      change = erase_locked(entry, meta.resource_version);
    } else {
      tombstones_.add(key, meta.uid, meta.resource_version);
    }
  }
  report(change);
}

template <class T>
void Store<T>::add_scope(const std::string& scope) {
  const WriteLock lock(mutex_);
  scopes_.try_emplace(scope);
}

template <class T>
auto Store<T>::scope_of(const std::string& namespace_) const -> Scope {
  auto scope = scopes_.find(namespace_);
  if (scope == scopes_.end()) scope = scopes_.find(std::string());
  return scope == scopes_.end() ? Scope{} : scope->second;
}

template <class T>
void Store<T>::replace_begin(const std::string& scope) {
  const WriteLock lock(mutex_);
  auto& begun = scopes_[scope];
  ++begun.round;
  begun.replacing = true;
}

template <class T>
void Store<T>::replace_done(std::uint64_t resource_version, const std::string& scope) {
  std::vector<Change> changes;
  {
    const WriteLock lock(mutex_);
    auto& done = scopes_[scope];
    done.replacing = false;
    done.filled = true;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto next = std::next(entry);
      const auto& stored = entry->second;
      const auto& meta = stored.object->meta;
      const bool covered = scope.empty() || meta.namespace_ == scope;
      const bool too_new = stored.own && meta.resource_version > resource_version;
      if (covered && stored.round != done.round && !too_new) changes.push_back(erase_locked(entry, resource_version));
      entry = next;
    }
  }
  for (const auto& change : changes) report(change);
}

template <class T>
auto Store<T>::set_locked(const std::string& key, Ptr object, bool own) -> Change {
  const auto [entry, added] = entries_.try_emplace(key);
  Ptr old = std::exchange(entry->second.object, std::move(object));
  entry->second.own = own;
  entry->second.round = scope_of(entry->second.object->meta.namespace_).round;
  reindex_locked(&entry->first, old.get(), entry->second.object.get());
  return {std::move(old), entry->second.object};
}

template <class T>
auto Store<T>::erase_locked(Entries::iterator entry, std::uint64_t resource_version) -> Change {
  Ptr old = entry->second.object;
  reindex_locked(&entry->first, old.get(), nullptr);
  tombstones_.add(entry->first, old->meta.uid, std::max(resource_version, old->meta.resource_version));
  entries_.erase(entry);
  return {std::move(old), nullptr};
}

template <class T>
void Store<T>::reindex_locked(const std::string* key, const T* old, const T* now) {
  for (auto& [name, index] : indexes_) {
    const auto before = old == nullptr ? std::vector<std::string>{} : index.values(*old);
    const auto after = now == nullptr ? std::vector<std::string>{} : index.values(*now);
    if (before == after) continue;
    for (const auto& value : before) {
      const auto keys = index.keys.find(value);
      if (keys == index.keys.end()) continue;
      std::erase(keys->second, key);
      if (keys->second.empty()) index.keys.erase(keys);
    }
    for (const auto& value : after) index.keys[value].push_back(key);
  }
}

}  // namespace modelrun::runtime
