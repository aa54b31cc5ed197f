//! Cycles in a graph whose edges have kinds.

/// A directed graph. Nodes are numbers from 0 on.
#[derive(Clone, Debug, Default)]
pub struct Graph<K> {
    edges: Vec<Vec<(usize, K)>>,
}

impl<K: Copy + PartialEq> Graph<K> {
    /// So many nodes, and no edge.
    pub fn new(nodes: usize) -> Graph<K> {
        Graph { edges: vec![Vec::new(); nodes] }
    }

    /// Adds an edge; none from a node to itself, and none twice.
    pub fn add(&mut self, from: usize, to: usize, kind: K) {
        if from != to && !self.edges[from].contains(&(to, kind)) {
            self.edges[from].push((to, kind));
        }
    }

    /// All edges of the kinds that are wanted.
    pub fn edges(&self, wanted: impl Fn(K) -> bool) -> impl Iterator<Item = (usize, usize, K)> {
        let of = move |from: usize| self.edges[from].iter().map(move |&(to, kind)| (from, to, kind));
        (0..self.edges.len()).flat_map(of).filter(move |&(_, _, kind)| wanted(kind))
    }

    /// For each node, the number of its strongly connected component over edges of the wanted kinds: two nodes with the same
    /// number lie on a cycle. (Tarjan's algorithm, with a stack of its own.)
    pub fn components(&self, wanted: impl Fn(K) -> bool) -> Vec<usize> {
        const UNSEEN: usize = usize::MAX;
        let n = self.edges.len();
        let (mut index, mut low, mut component) = (vec![UNSEEN; n], vec![0; n], vec![UNSEEN; n]);
        let (mut next_index, mut next_component) = (0, 0);
        let mut open: Vec<usize> = Vec::new();
        for root in 0..n {
            if index[root] != UNSEEN {
                continue;
            }
            // A node, and which of its edges comes next.
            let mut calls = vec![(root, 0)];
            while let Some((node, at)) = calls.pop() {
                if at == 0 {
                    (index[node], low[node]) = (next_index, next_index);
                    next_index += 1;
                    open.push(node);
                }
                let edge = self.edges[node].iter().enumerate().skip(at).find(|(_, (_, kind))| wanted(*kind));
                if let Some((i, &(to, _))) = edge {
                    calls.push((node, i + 1));
                    if index[to] == UNSEEN {
                        calls.push((to, 0));
                    } else if component[to] == UNSEEN {
                        low[node] = low[node].min(index[to]);
                    }
                    continue;
                }
                if low[node] == index[node] {
                    while let Some(member) = open.pop() {
                        component[member] = next_component;
                        if member == node {
                            break;
                        }
                    }
                    next_component += 1;
                }
                if let Some(&(caller, _)) = calls.last() {
                    low[caller] = low[caller].min(low[node]);
                }
            }
        }
        component
    }

    /// A shortest way from one node to another over edges of the wanted kinds.
    pub fn way(&self, from: usize, to: usize, wanted: impl Fn(K) -> bool) -> Option<Vec<usize>> {
        let mut before = vec![None; self.edges.len()];
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            for &(next, _) in self.edges[node].iter().filter(|(_, kind)| wanted(*kind)) {
                if before[next].is_some() || next == from {
                    continue;
                }
                before[next] = Some(node);
                if next == to {
                    let mut way = vec![to];
                    while let Some(&first) = way.last()
                        && first != from
                        && let Some(previous) = before[first]
                    {
                        way.push(previous);
                    }
                    way.reverse();
                    return Some(way);
                }
                queue.push_back(next);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(usize, usize, char)]) -> Graph<char> {
        let mut graph = Graph::new(6);
        edges.iter().for_each(|&(from, to, kind)| graph.add(from, to, kind));
        graph
    }

    #[test]
    fn components_are_what_reaches_each_other() {
        let mut random = crate::random::Random::new(3);
        for _ in 0..500 {
            let edges: Vec<(usize, usize, char)> =
                (0..7).map(|_| (random.below(6), random.below(6), *random.pick(&['a', 'b']))).collect();
            let graph = graph(&edges);
            let components = graph.components(|kind| kind == 'a');
            let reaches = |from, to| graph.way(from, to, |kind| kind == 'a').is_some();
            for from in 0..6 {
                for to in (0..6).filter(|&to| to != from) {
                    let together = components[from] == components[to];
                    assert_eq!(together, reaches(from, to) && reaches(to, from), "{edges:?}: {from} {to}");
                }
            }
        }
    }

    #[test]
    fn a_way_is_the_shortest() {
        let graph = graph(&[(0, 1, 'a'), (1, 2, 'a'), (2, 3, 'a'), (0, 4, 'b'), (4, 3, 'a'), (1, 0, 'a')]);
        assert_eq!(graph.way(0, 3, |kind| kind == 'a'), Some(vec![0, 1, 2, 3]));
        assert_eq!(graph.way(0, 3, |_| true), Some(vec![0, 4, 3]));
        assert_eq!(graph.way(3, 0, |_| true), None);
    }
}
