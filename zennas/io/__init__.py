"""Reading what users hand in and writing what they keep; knows nothing of networks."""
