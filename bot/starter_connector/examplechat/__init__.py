"""examplechat as a channel of Zhanggui."""
