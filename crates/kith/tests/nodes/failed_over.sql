SELECT incarnation, min(epoch) > 1048576 FROM store_state, lease GROUP BY incarnation
