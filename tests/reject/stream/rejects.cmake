noetl_reject(stream source_without_position "a source names its types `position` and `item`")
noetl_reject(stream item_without_place "a source's item can be moved and has its position in `at`")
noetl_reject(stream source_without_read "a source needs `result<page<item>> read(position const& after, std::size_t limit)`")
noetl_reject(stream sink_of_other_items "a sink needs `void send(item const&, outcome_handler done)` for the source's items")
noetl_reject(stream sink_without_flush "a sink needs `void flush()`")
noetl_reject(stream cursor_without_epoch
  "a cursor needs `result<void> advance(std::uint64_t epoch, position const& stored, position const& to)`")
noetl_reject(stream cursor_of_other_positions "a cursor's type `position` is that of the source")
