"""The shapes of requests and answers. What makes a value valid stands in `events.types`; it is only asked here."""
