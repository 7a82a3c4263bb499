// control_plane/playbook_library.hpp: parsed playbooks by catalog id. A catalog entry never changes, so neither does
// its parse. Knows the catalog and the parser.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/playbook_parser.hpp>

namespace noetl::control_plane {

using playbook_ptr = std::shared_ptr<workflow::playbook const>;

/// A bounded cache of parsed playbooks, least recently used out first. Thread-safe.
class playbook_library {
public:
   explicit playbook_library(catalog_service& catalog, std::size_t capacity = 1'000)
       : catalog_(catalog), capacity_(capacity) {}

   /// The playbook of a catalog entry. Errors: not_found, bad_request (not YAML or misshapen), validation (breaks a
   /// rule).
   awaitable<result<playbook_ptr>> find(catalog_id id) {
      if (auto kept = cached(id)) co_return kept;
      catalog_reference wanted; // named: GCC 12 destroys a temporary aggregate inside co_await twice
      wanted.id = id;
      auto entry = co_await catalog_.find(std::move(wanted));
      if (!entry && entry.error().code == error_code::not_found)
         co_return fail(error_code::not_found, "Catalog entry not found: " + std::to_string(id.value));
      if (!entry) co_return std::move(entry).error();
      co_return parse(*entry);
   }

   /// Parses a catalog entry that was just read, or takes it from the cache.
   result<playbook_ptr> parse(catalog_entry const& entry) {
      auto const id = entry.catalog_id.value;
      if (auto kept = cached(id)) return kept;
      // Content may be missing on rows of older writers; their payload column then holds the document, and JSON is
      // YAML.
      std::string const& text = entry.content && !entry.content->empty() ? *entry.content : entry.payload.text;
      if (text.empty())
         return fail(error_code::not_found, "No playbook content found for catalog_id: " + std::to_string(id.value));
      auto book = workflow::parse_playbook(text);
      if (!book) return std::move(book).error();
      auto shared = std::make_shared<workflow::playbook const>(*std::move(book));
      keep(id, shared);
      return playbook_ptr{shared};
   }

private:
   playbook_ptr cached(catalog_id id) {
      std::lock_guard const lock(mutex_);
      auto const found = by_id_.find(id);
      if (found == by_id_.end()) return nullptr;
      order_.splice(order_.begin(), order_, found->second.place);
      return found->second.book;
   }

   void keep(catalog_id id, playbook_ptr book) {
      std::lock_guard const lock(mutex_);
      if (by_id_.contains(id)) return;
      order_.push_front(id);
      by_id_.emplace(id, slot{std::move(book), order_.begin()});
      if (order_.size() <= capacity_) return;
      by_id_.erase(order_.back());
      order_.pop_back();
   }

   struct slot {
      playbook_ptr book;
      std::list<catalog_id>::iterator place;
   };

   catalog_service& catalog_;
   std::size_t const capacity_;
   std::mutex mutex_;
   std::unordered_map<catalog_id, slot> by_id_;
   std::list<catalog_id> order_;
};

} // namespace noetl::control_plane
