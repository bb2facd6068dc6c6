//! Which rows of an index a query asks for.
//!
//! Clauses on indexed fields are answered with whole sets, and first, so that what must be asked row by row is asked of
//! few rows.

use roaring::RoaringTreemap;

use crate::column::Column;
use crate::eval::{Fields, equal, holds, in_order};
use crate::{Clause, Field, Node, Test};

/// Rows that can be asked about all at once.
pub trait Index {
    /// Whether the field has a column that is there already.
    fn is_indexed(&self, field: &Field) -> bool;

    /// The column of a field, or none if rows must be asked one by one. `rows`: how many are in question; a column that
    /// must be made first may not be worth it for a few.
    fn column(&self, field: &Field, rows: u64) -> Option<Box<dyn Column + '_>>;

    /// Hands one row to `look`, if it is there.
    fn row(&self, row: u64, look: &mut dyn FnMut(&dyn Fields));
}

pub(crate) fn select(node: &Node, index: &dyn Index, among: RoaringTreemap) -> RoaringTreemap {
    if among.is_empty() {
        return among;
    }
    match node {
        Node::Clause(clause) => of_clause(clause, index, among),
        Node::All(nodes) => {
            cheapest_first(nodes, index).fold(among, |among, node| select(node, index, among))
        }
        Node::Any(nodes) => {
            let mut found = RoaringTreemap::new();
            let mut left = among;
            for node in cheapest_first(nodes, index) {
                let hit = select(node, index, left.clone());
                left -= &hit;
                found |= hit;
            }
            found
        }
    }
}

fn cheapest_first<'n>(nodes: &'n [Node], index: &dyn Index) -> impl Iterator<Item = &'n Node> + use<'n> {
    let (cheap, dear): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| is_indexed(node, index));
    cheap.into_iter().chain(dear)
}

fn is_indexed(node: &Node, index: &dyn Index) -> bool {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().all(|node| is_indexed(node, index)),
        Node::Clause(clause) => index.is_indexed(&clause.field),
    }
}

fn of_clause(clause: &Clause, index: &dyn Index, mut among: RoaringTreemap) -> RoaringTreemap {
    let hit = match index.column(&clause.field, among.len()) {
        Some(column) => rows_of(&clause.test, column.as_ref(), &among),
        None => among.iter().filter(|row| row_holds(clause, index, *row)).collect(),
    };
    if clause.negated {
        among -= hit;
    } else {
        among &= hit;
    }
    among
}

fn row_holds(clause: &Clause, index: &dyn Index, row: u64) -> bool {
    let mut hit = false;
    index.row(row, &mut |subject| hit = holds(clause, subject));
    hit
}

/// The rows for which the test holds; those outside of `among` do not matter.
fn rows_of(test: &Test, column: &dyn Column, among: &RoaringTreemap) -> RoaringTreemap {
    let mut hit = RoaringTreemap::new();
    match test {
        Test::Null => hit = among - column.present().as_ref(),
        Test::Order(order, operand) => column.each(&mut |value, rows| {
            if in_order(*order, &value, operand) {
                rows.add_to(&mut hit);
            }
        }),
        Test::OneOf(operands) => {
            let mut patterns = Vec::new();
            for operand in operands {
                let looked_up = operand
                    .plain()
                    .is_some_and(|text| column.look_up(text, &mut |rows| rows.add_to(&mut hit)));
                let mut read_off = || {
                    operand.beginning().is_some_and(|text| {
                        column.beginning(text, &mut |value, rows| {
                            if equal(operand, &value) {
                                rows.add_to(&mut hit);
                            }
                        })
                    })
                };
                if !looked_up && !read_off() {
                    patterns.push(operand);
                }
            }
            if !patterns.is_empty() {
                column.each(&mut |value, rows| {
                    if patterns.iter().any(|operand| equal(operand, &value)) {
                        rows.add_to(&mut hit);
                    }
                });
            }
            if operands.iter().any(|operand| operand.plain() == Some("")) {
                hit |= among - column.present().as_ref();
            }
        }
    }
    hit
}
