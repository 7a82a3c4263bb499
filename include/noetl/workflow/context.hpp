// workflow/context.hpp: the variables a template sees, as layers over values that live elsewhere.
// Knows JSON values only.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tao/json/value.hpp>

namespace noetl::workflow {

/// Variables for rendering. Cheap to build and to copy names out of: layers are borrowed, nothing is merged.
///
/// Later layers win. A JSON null counts as undefined for templates but hides earlier layers, as an overwritten key
/// does. Borrowed values must outlive the context. Not thread-safe. Move only: it may own bound values.
class context {
public:
   context() = default;
   context(context&&) = default;
   context& operator=(context&&) = default;
   context(context const&) = delete;
   context& operator=(context const&) = delete;

   /// Adds every key of `object`; anything but an object adds nothing.
   context& layer(tao::json::value const& object) {
      if (object.is_object()) entries_.push_back({{}, &object, true});
      return *this;
   }
   /// Adds one name; `value` is borrowed.
   context& borrow(std::string name, tao::json::value const& value) {
      entries_.push_back({std::move(name), &value, false});
      return *this;
   }
   /// Adds one name; `value` is kept.
   context& bind(std::string name, tao::json::value value) {
      owned_.push_back(std::move(value));
      return borrow(std::move(name), owned_.back());
   }

   /// \return null when no layer has the name
   [[nodiscard]] tao::json::value const* find(std::string_view name) const {
      for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
         if (entry->whole) {
            auto const& object = entry->value->get_object();
            if (auto const found = object.find(name); found != object.end()) return &found->second;
         } else if (entry->name == name) {
            return entry->value;
         }
      }
      return nullptr;
   }

   /// Every visible name once, sorted. The views live as long as the context and what it borrows.
   [[nodiscard]] std::map<std::string_view, tao::json::value const*> flat() const {
      std::map<std::string_view, tao::json::value const*> all;
      for (auto const& entry : entries_) {
         if (!entry.whole) {
            all[entry.name] = entry.value;
            continue;
         }
         for (auto const& [key, value] : entry.value->get_object()) all[key] = &value;
      }
      return all;
   }

   /// How many layers there are; `shrink` goes back to an earlier count.
   [[nodiscard]] std::size_t depth() const noexcept { return entries_.size(); }
   void shrink(std::size_t depth) {
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(depth), entries_.end());
   }

private:
   struct level {
      std::string name;
      tao::json::value const* value;
      bool whole;
   };
   std::vector<level> entries_;
   std::deque<tao::json::value> owned_;
};

} // namespace noetl::workflow
