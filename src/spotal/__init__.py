"""spotal"""
