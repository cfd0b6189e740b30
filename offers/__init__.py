"""Rules for scarce things: coupons and products (counted), seats (held), likes, waiting lists."""
