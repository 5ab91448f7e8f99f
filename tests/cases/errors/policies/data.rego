package project.data

deny contains "banned" if input.lifecycle.name in data.team.banned
