use super::*;

#[test]
fn links_are_numbered_so_that_the_first_ones_are_among_the_first_nodes() {
    for (i, link) in LINKS.iter().enumerate() {
        let (a, b) = link_ends(i);
        assert!(a < b && link_index(a, b) == i && link_index(b, a) == i);
        assert_eq!(*link, (NODES[a], NODES[b]));
    }
}
