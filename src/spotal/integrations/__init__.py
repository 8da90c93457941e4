"""Adapters: spotal's strategies in scikit-activeml and modAL. No other part of spotal imports them."""
